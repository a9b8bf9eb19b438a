/**
 * Above this size in bytes a body is large and is read on a separate thread. To read it may take longer than the event
 * loop may be blocked (50 ms), whatever its shape. A smaller body has at most 65,000 values.
 */
export const LARGE_BYTES = 128 * 1024

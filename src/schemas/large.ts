/**
 * Above so many bytes a body is large: to read it may take longer than the event loop may be held (50 ms), whatever
 * its shape, so that is done on a thread of its own. At most 65,000 values fit below.
 */
export const LARGE_BYTES = 128 * 1024

/**
 * How a result is published: small ones side by side, of the large ones few at once. A result whose publication began
 * before and did not end goes alone: it may end the process, and then no other result must look as if it had.
 */
export type Lane = 'small' | 'large' | 'alone'

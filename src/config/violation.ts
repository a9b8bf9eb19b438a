/** Reports a violation of a variable by its name. The message never contains the value. */
export type ReportViolation = (name: string, message: string) => void

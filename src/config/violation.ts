/** Reports what is wrong with a variable, by its name and never by its value. */
export type ReportViolation = (name: string, message: string) => void

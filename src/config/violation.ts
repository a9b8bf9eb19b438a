/** Reports what is wrong with a variable, by its name and never by its value. */
export type Fault = (name: string, message: string) => void

import { Job, Queue } from 'bullmq'

/** The data of a job as the bytes of its JSON, which are not to be read and written once more. */
export class JobText {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  /** For whoever writes the job as JSON all the same, a log say. */
  toJSON(): null {
    return null
  }
}

/** A queue whose jobs may be added with their data as text. For those who read them they are jobs like any other. */
export class TextQueue extends Queue {
  protected override get Job(): typeof Job {
    // It is a job of any data, which no subclass of a generic class can say of itself.
    return TextJob as unknown as typeof Job
  }
}

class TextJob extends Job {
  override asJSON() {
    const fields = super.asJSON()
    const data: unknown = this.data
    if (!(data instanceof JobText)) return fields
    const { buffer, byteOffset, length } = data.bytes
    // BullMQ hands it to the Redis client as it is, which takes bytes as well as strings.
    return { ...fields, data: Buffer.from(buffer, byteOffset, length) as unknown as string }
  }
}

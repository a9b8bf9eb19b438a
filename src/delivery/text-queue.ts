import { Job, Queue } from 'bullmq'

/** The data of a job as the bytes of its JSON, so that it is not parsed and written again. */
export class JobText {
  readonly bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  /** For code that writes the job as JSON all the same, such as a log. */
  toJSON(): null {
    return null
  }
}

/** A queue whose jobs may be added with their data as text. Consumers see ordinary jobs. */
export class TextQueue extends Queue {
  protected override get Job(): typeof Job {
    // TextJob is a job of any data. A subclass of a generic class cannot state that.
    return TextJob as unknown as typeof Job
  }
}

class TextJob extends Job {
  override asJSON() {
    const fields = super.asJSON()
    const data: unknown = this.data
    if (!(data instanceof JobText)) return fields
    const { buffer, byteOffset, length } = data.bytes
    // BullMQ passes the data unchanged to the Redis client, which accepts bytes as well as strings.
    return { ...fields, data: Buffer.from(buffer, byteOffset, length) as unknown as string }
  }
}

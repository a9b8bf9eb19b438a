import type { Answer } from '../../src/core/answer.ts'
import type { KhipuRequest } from '../../src/khipu/client.ts'
import { ACKNOWLEDGED, REQUEST_TIMEOUT_MS } from './requests.ts'
import type { Service } from './service.ts'
import { type FlatSendDeps, handleCallback } from './handlers.ts'

/** What a pretend Khipu answers to a request; it may do anything else meanwhile. */
export type Answering = (request: KhipuRequest) => Answer | Promise<Answer>

/** What the handlers need, with a function in the place of Khipu and an array of what it was sent. */
export function openWorker(service: Service, answer: Answering = () => ACKNOWLEDGED) {
  const sends: KhipuRequest[] = []
  const answers: Answer['type'][] = []
  const deps: FlatSendDeps & Service = {
    ...service,
    khipu: {
      async send(request) {
        sends.push(request)
        return answer(request)
      },
      close: async () => {}
    },
    callbackUrl: (token) => `https://receiver.example/callbacks/${token}`,
    authorization: { apiKey: 'key-of-the-service' },
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    canStore: () => true,
    sent: (type) => void answers.push(type)
  }
  return { deps, sends, answers }
}

/** Runs the jobs that wait for a worker among the callbacks, what was left to it to publish included. */
export async function workOff(service: Service): Promise<void> {
  for (const job of await service.queues.callback.getJobs('wait')) {
    await handleCallback(service, job.data)
    await job.remove()
  }
}

/** The job that a request's state asks for, as its queue would hand it out. */
export async function jobOf({ catalog }: Service, requestId: string) {
  const request = await catalog.find(requestId)
  return { requestId, at: request?.dueAt ?? 0 }
}

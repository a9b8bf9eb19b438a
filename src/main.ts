import { setFlagsFromString } from 'node:v8'

// By default, SIGUSR1 opens a debugger to every user who can connect to this machine's loopback.
process.on('SIGUSR1', () => {})

// While modules load, V8 doubles the space for young objects four times and keeps it: 16 MB more for a process at rest.
// It reads this factor whenever it could double that space. Once the service has started, the default holds again.
setFlagsFromString('--semi-space-growth-factor=1')
const { started } = await import('./app/serve.ts')
await started
setFlagsFromString('--semi-space-growth-factor=2')

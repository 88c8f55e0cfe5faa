/** What a turn costs, in milliseconds; measured by `npm run simulate -- --measure`. */
export interface Costs {
  /** an instance's processor time, on its one thread */
  server: number
  /** a database's processor time */
  database: number
  /** of that, what a batch costs however many turns are in it */
  batch: number
  /** a commit's wait for the disk */
  commit: number
  /** the way between an instance and its database and back */
  roundTrip: number
  /** processor time of what sends the messages; 0 when that is elsewhere */
  load: number
}

export interface Setup {
  instances: number
  /** databases, each with a share of the users */
  databases: number
  /** clients that send the next message as soon as they have an answer */
  clients: number
  /** cores of each database's machine */
  databaseCores: number
  /** everything is on one machine with so many cores; undefined: each instance has a core of its own */
  sharedCores?: number | undefined
  /** how long the model takes, in milliseconds */
  modelMs: number
}

export interface Prediction {
  turnsPerSecond: number
  /** milliseconds */
  p50: number
  p99: number
  /** how many turns begin or end in a statement */
  perBatch: number
  /** cores in use */
  instanceCores: number
  databaseCores: number
}

/** Processors that share their time equally among what runs on them. */
interface Machine {
  cores: number
  jobs: Set<Job>
}

interface Job {
  left: number
  then(): void
}

/** The most turns that a batch has, as in src/turns/store/group-commit.ts. */
const maxBatch = 32
/** Of a turn's processor time, what comes before its begin, between begin and end, and after its end. */
const shares = { request: 0.45, run: 0.3, answer: 0.25 }

/**
 * Simulates turns from event to event: each instance is one thread, begins and ends leave by the batch, one of each at a time
 * for each database, and batches share their database's processors.
 */
export const simulate = (costs: Costs, setup: Setup, turns = 20_000): Prediction => {
  let now = 0
  const timers: { at: number; act: () => void }[] = []
  const after = (ms: number, act: () => void): void => {
    const at = now + ms
    const place = timers.findIndex((other) => other.at > at)
    timers.splice(place < 0 ? timers.length : place, 0, { at, act })
  }
  const machine = (cores: number): Machine => ({ cores, jobs: new Set() })
  const shared = setup.sharedCores === undefined ? undefined : machine(setup.sharedCores)
  const databases = Array.from({ length: setup.databases }, () => shared ?? machine(setup.databaseCores))
  const machines = new Set([...databases])
  const used = { instances: 0, databases: 0 }
  const compute = (on: Machine, ms: number, kind: keyof typeof used | undefined, then: () => void): void => {
    if (kind) used[kind] += ms
    on.jobs.add({ left: ms, then })
  }

  /** One thread: what comes to it waits for what came before. */
  const createThread = (on: Machine) => {
    const line: { ms: number; then: () => void }[] = []
    let isBusy = false
    const next = (): void => {
      const job = line.shift()
      isBusy = job !== undefined
      if (!job) return
      compute(on, job.ms, 'instances', () => {
        job.then()
        next()
      })
    }
    return (ms: number, then: () => void): void => {
      line.push({ ms, then })
      if (!isBusy) next()
    }
  }

  let batches = 0
  let entries = 0
  const createLane = (on: Machine) => {
    const waiting: (() => void)[] = []
    let isSending = false
    const send = (): void => {
      const batch = waiting.splice(0, maxBatch)
      isSending = batch.length > 0
      if (!isSending) return
      batches += 1
      entries += batch.length
      const ms = costs.batch + (batch.length * costs.database) / 2
      after(costs.roundTrip / 2, () =>
        compute(on, ms, 'databases', () =>
          after(costs.commit + costs.roundTrip / 2, () => {
            for (const then of batch) then()
            send()
          }),
        ),
      )
    }
    return (then: () => void): void => {
      waiting.push(then)
      if (!isSending) send()
    }
  }

  const instances = Array.from({ length: setup.instances }, () => {
    const on = shared ?? machine(1)
    machines.add(on)
    return {
      thread: createThread(on),
      lanes: databases.map((database) => ({ begin: createLane(database), end: createLane(database) })),
    }
  })
  const clientMachine = shared ?? machine(setup.clients)
  machines.add(clientMachine)

  const times: number[] = []
  let startedAt = 0
  const warmUp = Math.floor(turns / 5)
  const client = (n: number): void => {
    const instance = instances[n % instances.length] as (typeof instances)[number]
    const lane = instance.lanes[
      Math.floor(n / instances.length) % databases.length
    ] as (typeof instance.lanes)[number]
    const turn = (): void => {
      const began = now
      compute(clientMachine, costs.load, undefined, () =>
        instance.thread(costs.server * shares.request, () =>
          lane.begin(() =>
            instance.thread(costs.server * shares.run, () =>
              after(setup.modelMs, () =>
                lane.end(() =>
                  instance.thread(costs.server * shares.answer, () => {
                    times.push(now - began)
                    if (times.length === warmUp) {
                      startedAt = now
                      used.instances = 0
                      used.databases = 0
                      batches = 0
                      entries = 0
                    }
                    turn()
                  }),
                ),
              ),
            ),
          ),
        ),
      )
    }
    turn()
  }
  for (let n = 0; n < setup.clients; n += 1) client(n)

  while (times.length < turns) {
    let step = (timers[0]?.at ?? Number.POSITIVE_INFINITY) - now
    for (const { jobs, cores } of machines) {
      const speed = Math.min(1, cores / jobs.size)
      for (const { left } of jobs) step = Math.min(step, left / speed)
    }
    now += step
    const done: Job[] = []
    for (const { jobs, cores } of machines) {
      const speed = Math.min(1, cores / jobs.size)
      for (const job of jobs) {
        job.left -= step * speed
        if (job.left > 1e-9) continue
        jobs.delete(job)
        done.push(job)
      }
    }
    const due = timers.findIndex(({ at }) => at > now + 1e-9)
    for (const { act } of timers.splice(0, due < 0 ? timers.length : due)) act()
    for (const { then } of done) then()
  }

  const seconds = (now - startedAt) / 1000
  const measured = times.slice(warmUp).sort((a, b) => a - b)
  const at = (share: number): number => measured[Math.floor(share * (measured.length - 1))] ?? 0
  return {
    turnsPerSecond: measured.length / seconds,
    p50: at(0.5),
    p99: at(0.99),
    perBatch: entries / batches,
    instanceCores: used.instances / 1000 / seconds,
    databaseCores: used.databases / 1000 / seconds,
  }
}

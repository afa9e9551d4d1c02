#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# The supermarket model in SimPy (Debian's python3-simpy, 2.3): one process for the arrivals, one a queue.
#
#   supermarket_simpy.py QUEUES SECONDS
#
# prints: jobs, CPU-seconds, mean time in system. Peer of sim_bench.
import random
import sys
import time

from SimPy.Simulation import Process, Simulation, hold, passivate

WARM_UP = 30.0
LOAD = 0.9


class Queue(Process):
    def run(self, model):
        while True:
            if not self.waiting:
                yield passivate, self
            yield hold, self, model.random.expovariate(1.0)
            arrived = self.waiting.pop(0)
            if arrived > WARM_UP:
                model.done += 1
                model.time += self.sim.now() - arrived


class Arrivals(Process):
    def run(self, model):
        queues, draw = model.queues, model.random
        while True:
            yield hold, self, draw.expovariate(LOAD * len(queues))
            a, b = draw.sample(queues, 2)
            to = a if len(a.waiting) <= len(b.waiting) else b
            to.waiting.append(self.sim.now())
            model.arrived += 1
            if len(to.waiting) == 1:
                self.sim.reactivate(to)


class Supermarket(Simulation):
    def run(self, count, horizon):
        self.initialize()
        self.random = random.Random(1)
        self.arrived = self.done = 0
        self.time = 0.0
        self.queues = [Queue(sim=self) for _ in range(count)]
        for queue in self.queues:
            queue.waiting = []
            self.activate(queue, queue.run(self))
        arrivals = Arrivals(sim=self)
        self.activate(arrivals, arrivals.run(self))
        self.simulate(until=horizon)


model = Supermarket()
begin = time.process_time()
model.run(int(sys.argv[1]), WARM_UP + float(sys.argv[2]))
print(model.arrived, time.process_time() - begin, model.time / max(1, model.done))

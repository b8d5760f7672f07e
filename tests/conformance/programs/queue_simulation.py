"""A discrete-event simulation of a shop with two tills."""

import heapq
import random
from dataclasses import dataclass, field


@dataclass(order=True)
class Event:
    time: float
    kind: str = field(compare=False)
    customer: int = field(compare=False)


@dataclass
class Result:
    served: int = 0
    waited: list = field(default_factory=list)

    @property
    def mean_wait(self):
        return sum(self.waited) / len(self.waited) if self.waited else 0.0


def simulate(seed: int, customers: int, tills: int = 2) -> Result:
    source = random.Random(seed)
    time = 0.0
    events = []
    for number in range(customers):
        time += source.expovariate(1.0)
        heapq.heappush(events, Event(time, "arrives", number))
    free, queue, result = tills, [], Result()
    while events:
        event = heapq.heappop(events)
        if event.kind == "leaves":
            free += 1
            result.served += 1
        else:
            queue.append(event)
        while free and queue:
            waiting = queue.pop(0)
            free -= 1
            result.waited.append(event.time - waiting.time)
            heapq.heappush(events, Event(event.time + source.expovariate(0.6), "leaves", waiting.customer))
    return result


for tills in (1, 2, 3):
    result = simulate(1, 50, tills=tills)  # @devstash
    print(tills, result.served, round(result.mean_wait, 3))
compared = {seed: simulate(seed, 20) for seed in (1, 2)}  # @devstash
print({seed: round(result.mean_wait, 3) for seed, result in compared.items()})
print(Result() == Result(0, []), type(result) is Result)

"""Shortest paths, components and an order of dependencies in a small graph."""

import heapq
from collections import defaultdict, deque

EDGES = [("a", "b", 4), ("a", "c", 1), ("c", "b", 2), ("b", "d", 5), ("c", "d", 8), ("e", "f", 1)]


class Graph:
    def __init__(self, edges):
        self.edges = defaultdict(list)
        for start, end, weight in edges:
            self.edges[start].append((end, weight))
            self.edges.setdefault(end, [])

    def shortest(self, start):
        best = {start: 0}
        queue = [(0, start)]
        while queue:
            distance, node = heapq.heappop(queue)
            if distance > best[node]:
                continue
            for end, weight in self.edges[node]:
                if distance + weight < best.get(end, float("inf")):
                    best[end] = distance + weight
                    heapq.heappush(queue, (best[end], end))
        return best

    def components(self):
        around = defaultdict(set)
        for start, ends in self.edges.items():
            for end, _ in ends:
                around[start].add(end)
                around[end].add(start)
        left, found = set(self.edges), []
        while left:
            queue, part = deque([min(left)]), set()
            while queue:
                node = queue.popleft()
                if node in part:
                    continue
                part.add(node)
                queue.extend(around[node])
            left -= part
            found.append(part)
        return found


def order(graph):
    seen, result = set(), []

    def visit(node):
        if node not in seen:
            seen.add(node)
            for end, _ in graph.edges[node]:
                visit(end)
            result.append(node)

    for node in sorted(graph.edges):
        visit(node)
    return result[::-1]


graph = Graph(EDGES)  # @devstash
print(graph.shortest("a"))  # @devstash
distances = {node: graph.shortest(node) for node in sorted(graph.edges)}  # @devstash
print(distances["c"])
parts = graph.components()  # @devstash
print([sorted(part) for part in parts])
print(order(graph))  # @devstash
if graph.shortest("a").get("f") is None:  # @devstash
    print("f cannot be reached")

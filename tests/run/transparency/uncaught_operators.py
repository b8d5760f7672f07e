import traceback

d = {"a": {"b": None}}
n = 0
for attempt in range(4):
    try:
        if attempt == 0:
            y = d["a"]["b"]["c"]  # @devstash
        elif attempt == 1:
            y = 1 + (2 * (3 / n)) - 4  # @devstash
        elif attempt == 2:
            y = len(d) + d["x"]  # @devstash
        else:
            y = str(n) + len(d)  # @devstash
    except Exception:
        traceback.print_exc()

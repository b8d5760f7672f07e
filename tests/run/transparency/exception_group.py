# python: >=3.11
# entries: 1
def check(n):
    if n:
        raise ExceptionGroup("several", [ValueError(n), TypeError(n), ExceptionGroup("deep", [KeyError(n)])])
    return "fine"


print(check(0))  # @devstash
try:
    check(1)  # @devstash
except* ValueError as group:
    print(group.exceptions)
except* KeyError as group:
    print(group.exceptions)

class Manager:
    def __init__(self, n):
        self.n = 1 / n

    def __enter__(self):
        raise OSError("cannot enter")

    def __exit__(self, *exc):
        return False


try:
    with Manager(0) as m:  # @devstash
        pass
except ZeroDivisionError:
    import traceback

    traceback.print_exc()
with Manager(1) as m:  # @devstash
    pass

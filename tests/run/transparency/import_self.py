# The script imports itself under its own name, which runs it a second time without devstash.
def f(n):
    return n + 1


x = f(1)  # @devstash
if __name__ == "__main__":
    import __main__ as main
    import import_self

    print(import_self.x, import_self is not main, import_self.f(2))  # @devstash
print(__name__, x)

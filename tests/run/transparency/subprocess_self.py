import subprocess
import sys


def f(n):
    return n + 1


if len(sys.argv) > 1:
    print("child", sys.argv, f(2))  # @devstash
    sys.exit(4)
x = f(1)  # @devstash
done = subprocess.run([sys.executable, __file__, "again"], stdout=subprocess.PIPE, universal_newlines=True)
print(done.stdout, done.returncode, x)

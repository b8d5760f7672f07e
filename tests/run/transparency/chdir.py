import os


def f(n):
    return n + 1


x = f(1)  # @devstash
os.mkdir("elsewhere")
os.chdir("elsewhere")
y = f(2)  # @devstash
print(x, y, os.listdir("."), os.path.basename(os.getcwd()), __file__)
raise OSError("raised elsewhere")

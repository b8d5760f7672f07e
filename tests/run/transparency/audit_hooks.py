# A hook of the script sees no import or file of ours after its own start… only that it works is promised.
import sys

seen = []


def hook(event, args):
    if event == "my.event":
        seen.append(args)


sys.addaudithook(hook)
x = len("abc")  # @devstash
sys.audit("my.event", x)
print(seen)

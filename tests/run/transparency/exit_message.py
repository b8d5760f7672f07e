import sys

x = "bye".upper()  # @devstash
sys.exit(x)

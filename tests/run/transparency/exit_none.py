x = "bye".upper()  # @devstash
print(x)
raise SystemExit

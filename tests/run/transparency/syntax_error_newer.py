# entries: 0
# python: <3.10
x = len("abc")  # @devstash
match x:
    case 3:
        print("three")

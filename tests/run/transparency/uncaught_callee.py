# entries: 0
class Box:
    pass


box = Box()
try:
    box.missing(1)  # @devstash
except AttributeError as error:
    print(error)
try:
    missing_name(2)  # @devstash
except NameError as error:
    print(error)
try:
    (5)(3)  # @devstash
except TypeError as error:
    print(error)
value = box.tools.run(1).then(2)  # @devstash

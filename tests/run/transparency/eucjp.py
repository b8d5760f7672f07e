# coding: euc-jp
x = len("日本")  # @devstash
print(x, ascii("日本"))
1/0 # 日

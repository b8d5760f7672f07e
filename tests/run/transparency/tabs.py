def f(a):
	if a:
		return a	+ 1


if True:
	x	=	f(1)	# @devstash
	print(x,	f(	2	))	# @devstash
	x	=	f("a")	# @devstash

# entries: 1
import unittest


def f(n):
    return n + 1


class Test(unittest.TestCase):
    def test_right(self):
        self.assertEqual(f(1), 2)

    def test_main(self):
        self.assertEqual(type(self).__module__, "__main__")


x = f(5)  # @devstash
unittest.main(verbosity=0, exit=False, testRunner=unittest.TextTestRunner(stream=open("/dev/null", "w"), verbosity=0))
raise SystemExit(x)

import logging
import sys

logging.basicConfig(
    level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s %(filename)s:%(lineno)d %(funcName)s %(message)s"
)
logging.getLogger("devstash").setLevel(logging.CRITICAL)
log = logging.getLogger("script")


def compute(n):
    return n * n


def compute_and_log(n):
    log.info("computing %d", n)
    log.warning("from the caller's line", stacklevel=2)
    return n * n


log.info("value %d", compute(3))  # @devstash
log.info(  # @devstash
    "value %d",
    compute(4),
)
logging.warning("root %s", compute(5))  # @devstash
compute_and_log(6)  # @devstash refresh
x = compute_and_log(  # @devstash refresh
    7
)
try:
    compute("a")  # @devstash
except TypeError:
    log.exception("failed")
print(x)

import threading


def f(n):
    return n * 2


results = {}


def work(n):
    results[n] = f(n)  # @devstash
    local = [f(i) for i in range(n)]  # @devstash
    results[n, "local"] = local


threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(results.items(), key=str), threading.active_count(), threading.main_thread() is threading.current_thread())

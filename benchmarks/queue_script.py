"""What queue.yaml stands for; prints how many seconds its main program took."""

import multiprocessing
import time

from workers import consume, produce

if __name__ == "__main__":
    began = time.perf_counter()
    numbers = multiprocessing.Queue()
    producer = multiprocessing.Process(target=produce, name="Producer", args=(numbers, 100_000))
    consumer = multiprocessing.Process(target=consume, name="Consumer", args=(numbers,))
    producer.start()
    consumer.start()
    producer.join()
    consumer.join()
    print(time.perf_counter() - began)

"""Let two asyncio tasks hand over to each other n times there and back; print the ns of one."""

import asyncio
import sys
import time


async def main(n: int) -> None:
    """Pass a number through two queues of one place each."""
    there: asyncio.Queue[int] = asyncio.Queue(1)
    back: asyncio.Queue[int] = asyncio.Queue(1)

    async def answer() -> None:
        for _ in range(n):
            await back.put(await there.get())

    other = asyncio.create_task(answer())
    begin = time.perf_counter_ns()
    for i in range(n):
        await there.put(i)
        await back.get()
    took = time.perf_counter_ns() - begin
    await other
    print(took / (2 * n))


asyncio.run(main(int(sys.argv[1])))

"""Follows the links of a small site, which a thread serves, with processes that fetch the pages."""

import http.server
import multiprocessing as mp
import re
import sys
import threading
import urllib.error
import urllib.request

PAGES = {f"/{n}": [f"/{2 * n + 1}", f"/{2 * n + 2}", "/0"] for n in range(12)}


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        links = PAGES.get(self.path)
        body = "".join(f'<a href="{link}">' for link in links or []).encode()
        self.send_response(404 if links is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def fetch(base, todo, found):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for path in iter(todo.get, None):
        try:
            with opener.open(base + path, timeout=60) as answer:
                found.put((path, answer.status, re.findall(r'href="([^"]+)"', answer.read().decode())))
        except urllib.error.HTTPError as error:
            found.put((path, error.code, []))


def main():
    mp.set_start_method(sys.argv[1])
    todo, found = mp.Queue(), mp.Queue()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        base = f"http://127.0.0.1:{server.server_port}"
        fetchers = [mp.Process(target=fetch, args=(base, todo, found), daemon=True) for _ in range(3)]
        for fetcher in fetchers:
            fetcher.start()
        threading.Thread(target=server.serve_forever).start()
        seen, pending, pages = {"/0"}, 1, {}
        todo.put("/0")
        while pending:
            path, status, links = found.get()
            pages[path] = status
            new = sorted({link for link in links if link not in seen})
            seen.update(new)
            pending += len(new) - 1
            for link in new:
                todo.put(link)
        for _ in fetchers:
            todo.put(None)
        for fetcher in fetchers:
            fetcher.join()
        server.shutdown()
    print(*(f"{status} {path}" for path, status in sorted(pages.items())), sep="\n")
    print([fetcher.exitcode for fetcher in fetchers])


if __name__ == "__main__":
    main()

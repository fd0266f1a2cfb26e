"""Programs that read: a WebSocket that follows lines as they come, Prometheus' client."""

import asyncio
import json
import time
import urllib.parse
import urllib.request

import websockets
from prometheus_api_client import PrometheusConnect

from .checks import expect
from .target import INGEST, QUERY


class Readers:
    def __init__(self, target):
        self.target = target

    def run(self, check):
        check(f"websockets {websockets.__version__}: lines are followed as they come", lambda: asyncio.run(self.tail()))
        check("prometheus-api-client: metrics, labels, a query, a range", self.prometheus)

    def push(self, line):
        body = {"streams": [{"stream": {"service_name": "tailed"}, "values": [[str(time.time_ns()), line]]}]}
        request = urllib.request.Request(self.target.url("/loki/api/v1/push"), data=json.dumps(body).encode(), headers={
            "content-type": "application/json", "authorization": f"Bearer {INGEST}"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            expect(answer.status == 204, answer.status)

    async def tail(self):
        query = urllib.parse.urlencode({"query": '{service_name="tailed"}', "limit": 10})
        url = self.target.url(f"/loki/api/v1/tail?{query}").replace("http", "ws", 1)
        headers = {"authorization": f"Bearer {QUERY}"}
        async with websockets.connect(url, additional_headers=headers, proxy=None) as socket:
            for n in range(3):
                await asyncio.to_thread(self.push, f"line {n}")
                frame = json.loads(await asyncio.wait_for(socket.recv(), 10))
                expect(frame["streams"][0]["values"][0][1] == f"line {n}", frame)

    def prometheus(self):
        client = PrometheusConnect(url=self.target.url(), headers={"authorization": f"Bearer {QUERY}"}, disable_ssl=True)
        expect(client.check_prometheus_connection())
        names = client.all_metrics()
        expect("sdk_otlp_http_orders_total" in names, names[:20])
        found = client.custom_query("sum(sdk_otlp_http_orders_total)")
        expect(float(found[0]["value"][1]) == 3, found)
        end = time.time()
        found = client.custom_query_range("sdk_otlp_http_orders_total", datetime_of(end - 300), datetime_of(end), "15s")
        expect(found and found[0]["metric"]["kind"] == "paid", found)


def datetime_of(seconds):
    from datetime import datetime, timezone
    return datetime.fromtimestamp(seconds, timezone.utc)

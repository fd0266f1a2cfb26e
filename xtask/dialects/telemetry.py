"""The SDK of OpenTelemetry for Python, over each exporter it has; found again by each dialect that reads."""

import logging
import time
import urllib.request

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.metrics import Observation
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.version import __version__
from opentelemetry.trace import Status, StatusCode

from .checks import expect, soon
from .target import INGEST, QUERY

HEADERS = {"authorization": f"Bearer {INGEST}"}


class Sdk:
    def __init__(self, target):
        self.target = target

    def run(self, check):
        http = {"headers": HEADERS, "compression": Compression.Gzip}
        grpc = {"endpoint": self.target.grpc(), "headers": tuple(HEADERS.items()), "insecure": True}
        ways = {
            "otlp-http": (HttpSpans(endpoint=self.target.otlp("/v1/traces"), **http),
                          HttpMetrics(endpoint=self.target.otlp("/v1/metrics"), **http),
                          HttpLogs(endpoint=self.target.otlp("/v1/logs"), **http)),
            "otlp-grpc": (GrpcSpans(**grpc), GrpcMetrics(**grpc), GrpcLogs(**grpc)),
        }
        for name, (spans, metrics, logs) in ways.items():
            check(f"opentelemetry-sdk {__version__}, {name}: a trace, by Tempo's and Jaeger's API",
                  lambda: self.traces(name, spans))
            check(f"{name}: counter, histogram with the trace of a value, exponential histogram, by PromQL",
                  lambda: self.metrics(name, metrics))
            check(f"{name}: log records with the trace that they are of, by LogQL", lambda: self.logs(name, logs))
        zipkin = ZipkinExporter(endpoint=self.target.url("/api/v2/spans"), session=session())
        check("zipkin-json exporter: a trace", lambda: self.traces("zipkin", zipkin))

    def provider(self, way):
        return TracerProvider(resource=Resource.create({"service.name": f"sdk-{way}"}))

    def traces(self, way, exporter):
        provider = self.provider(way)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("dialects", "1.0")
        with tracer.start_as_current_span("GET /orders", kind=trace.SpanKind.SERVER,
                                          attributes={"http.response.status_code": 500, "user.id": "u-7"}) as root:
            root.add_event("retry", {"attempt": 2})
            with tracer.start_as_current_span("SELECT orders", kind=trace.SpanKind.CLIENT) as child:
                child.set_status(Status(StatusCode.ERROR, "deadlock"))
        provider.shutdown()
        trace_id = f"{root.get_span_context().trace_id:032x}"
        found = soon(lambda: self.target.text(f"/api/traces/{trace_id}")[0] == 200 and
                     self.target.ask(f"/api/traces/{trace_id}"))
        spans = [s for batch in found["batches"] for scope in batch["scopeSpans"] for s in scope["spans"]]
        by_name = {s["name"]: s for s in spans}
        expect(set(by_name) == {"GET /orders", "SELECT orders"}, found)
        root_span, child_span = by_name["GET /orders"], by_name["SELECT orders"]
        expect(root_span["kind"] == "SPAN_KIND_SERVER" and child_span["kind"] == "SPAN_KIND_CLIENT", spans)
        expect(child_span["parentSpanId"] == root_span["spanId"], spans)
        expect(child_span["status"]["code"] == "STATUS_CODE_ERROR", child_span)
        expect([event["name"] for event in root_span["events"]] == ["retry"] or way == "zipkin" and root_span["events"], root_span)
        attributes = {a["key"]: next(iter(a["value"].values())) for a in root_span["attributes"]}
        expect(attributes["user.id"] == "u-7" and str(attributes["http.response.status_code"]) == "500", attributes)
        self.protobuf(trace_id)
        query = f'{{ resource.service.name = "sdk-{way}" && status = error }}'
        now = int(time.time())
        search = self.target.ask("/api/search", q=query, start=now - 600, end=now + 60)
        expect([t["traceID"] for t in search["traces"]] == [trace_id], search)
        jaeger = self.target.ask(f"/jaeger/api/traces/{trace_id}")["data"][0]
        expect(len(jaeger["spans"]) == 2 and jaeger["processes"], jaeger)

    def protobuf(self, trace_id):
        """As Grafana asks."""
        from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
        request = urllib.request.Request(self.target.url(f"/api/traces/{trace_id}"), headers={
            "authorization": f"Bearer {QUERY}", "accept": "application/protobuf"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            found = TracesData.FromString(answer.read())
        spans = [s for r in found.resource_spans for scope in r.scope_spans for s in scope.spans]
        expect(len(spans) == 2 and spans[0].trace_id.hex() == trace_id, found)

    def metrics(self, way, exporter):
        name = way.replace("-", "_")
        provider = MeterProvider(
            resource=Resource.create({"service.name": f"sdk-{way}"}),
            metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)],
            views=[View(instrument_name="*_size", aggregation=ExponentialBucketHistogramAggregation())])
        meter = provider.get_meter("dialects")
        meter.create_counter(f"sdk_{name}_orders", unit="1").add(3, {"kind": "paid"})
        histogram = meter.create_histogram(f"sdk_{name}_duration", unit="s")
        size = meter.create_histogram(f"sdk_{name}_size", unit="By")
        with self.provider(way).get_tracer("dialects").start_as_current_span("measured") as span:
            for value in (0.1, 0.2, 7.0):
                histogram.record(value, {"route": "/orders"})
                size.record(value * 1000)
        meter.create_observable_gauge(f"sdk_{name}_queue", callbacks=[lambda _: [Observation(5, {"queue": "mail"})]])
        provider.force_flush()
        provider.shutdown()

        def value(expression):
            found = self.target.ask("/api/v1/query", query=expression)["data"]["result"]
            return found and float(found[0]["value"][1])

        expect(soon(lambda: value(f'sum(sdk_{name}_orders_total{{kind="paid"}})')) == 3)
        expect(soon(lambda: value(f'sdk_{name}_queue{{queue="mail"}}')) == 5)
        expect(soon(lambda: value(f"sum(sdk_{name}_duration_seconds_count)")) == 3)
        expect(soon(lambda: value(f'sum(sdk_{name}_duration_seconds_bucket{{le="5.0"}} or sdk_{name}_duration_seconds_bucket{{le="5"}})')) == 2)
        expect(soon(lambda: value(f"histogram_count(sdk_{name}_size_bytes)")) == 3)
        now = time.time()
        found = self.target.ask("/api/v1/query_exemplars", query=f"sdk_{name}_duration_seconds_bucket",
                                start=now - 300, end=now + 60)["data"]
        traces = {e["labels"].get("trace_id") for series in found for e in series["exemplars"]}
        expect(f"{span.get_span_context().trace_id:032x}" in traces, found)

    def logs(self, way, exporter):
        tracer = self.provider(way).get_tracer("dialects")
        provider = LoggerProvider(resource=Resource.create({"service.name": f"sdk-{way}"}))
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        logger = provider.get_logger("dialects")
        with tracer.start_as_current_span("write"):
            context = trace.get_current_span().get_span_context()
            logger.emit(timestamp=time.time_ns(), observed_timestamp=time.time_ns(), severity_text="ERROR",
                        severity_number=SeverityNumber.ERROR, body=f"the bank said no by {way}",
                        attributes={"order.id": 7, "paid": False})
        provider.shutdown()
        selector = f'{{service_name="sdk-{way}"}} | trace_id="{context.trace_id:032x}"'
        found = soon(lambda: self.target.lines(selector))
        expect([line for _, line in found] == [f"the bank said no by {way}"], found)


def session():
    """What the exporter of Zipkin posts with: it has no option for a header."""
    import requests
    own = requests.Session()
    own.headers.update(HEADERS)
    own.trust_env = False
    return own


logging.getLogger("opentelemetry").setLevel(logging.ERROR)

// What a service in Node sends: a trace over protobuf and one over JSON, a counter, a log record, documents of
// Elasticsearch's client. Argument: the addresses, as JSON. Prints what was sent.
import { Client } from '@elastic/elasticsearch'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter as JsonTraces } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraces } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'

const { otlp, elasticsearch, token } = JSON.parse(process.argv[2])
const headers = { authorization: `Bearer ${token}` }
const resource = resourceFromAttributes({ 'service.name': 'sdk-node' })
const sent = { traces: {} }

for (const [name, Exporter] of [['protobuf', ProtobufTraces], ['json', JsonTraces]]) {
  const exporter = new Exporter({ url: `${otlp}/v1/traces`, headers })
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const span = provider.getTracer('dialects').startSpan(`node ${name}`, { attributes: { 'user.id': 'u-9', amounts: [1, 2] } })
  span.end()
  sent.traces[name] = span.spanContext().traceId
  await provider.shutdown()
}

const exporter = new OTLPMetricExporter({ url: `${otlp}/v1/metrics`, headers })
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
const meters = new MeterProvider({ resource, readers: [reader] })
meters.getMeter('dialects').createCounter('sdk_node_orders').add(4, { kind: 'paid' })
await meters.shutdown()

const logs = new OTLPLogExporter({ url: `${otlp}/v1/logs`, headers })
const loggers = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: logs })] })
loggers.getLogger('dialects').emit({ severityText: 'WARN', severityNumber: 13, body: 'node says that stock is low' })
await loggers.shutdown()

const client = new Client({ node: elasticsearch, auth: { username: 'x', password: token } })
const now = new Date().toISOString()
const bulk = await client.helpers.bulk({
  datasource: Array.from({ length: 100 }, (_, n) => ({ '@timestamp': now, message: `node document ${n}` })),
  onDocument: () => ({ create: { _index: 'app-node' } }),
})
sent.documents = bulk.successful
console.log(JSON.stringify(sent))

import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { outsideRequests } from '../request-context.ts'
import { plain } from '../snapshots/plain.ts'
import type { Log } from '../snapshots/provider.ts'
import { NAME, VERSION } from '../version.ts'
import type { TraceParent } from './context.ts'
import type { Tracing } from './tracing.ts'

/** How often it is said that nobody takes the spans, in milliseconds. */
const QUIET_MS = 60_000

/**
 * Sends spans by OTLP over HTTP. Where to, how often and which of them the SDK takes from its standard variables
 * (`OTEL_EXPORTER_OTLP_*`, `OTEL_BSP_*`, `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`). It drops what does not fit
 * into its queue. Names of attributes: OpenTelemetry's conventions for MCP and for tools of generative AI.
 */
export function createExporting(log: Log): Tracing {
  const own = resourceFromAttributes({ 'service.name': NAME, 'service.version': VERSION })
  const provider = new BasicTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(telling(new OTLPTraceExporter(), log))],
  })
  const tracer = provider.getTracer(NAME, VERSION)
  return {
    async begin({ tool, era, protocol, parent }) {
      const attributes = {
        'mcp.method.name': 'tools/call',
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': tool,
        'snapshot_mcp.era': era,
        ...(protocol !== undefined && { 'mcp.protocol.version': protocol }),
      }
      const span = tracer.startSpan(
        `tools/call ${tool}`,
        { kind: SpanKind.SERVER, attributes },
        parent ? trace.setSpanContext(ROOT_CONTEXT, remote(parent)) : ROOT_CONTEXT,
      )
      return {
        traceId: span.spanContext().traceId,
        end({ failure, operation }) {
          if (operation !== undefined) span.setAttribute('snapshot_mcp.operation', operation)
          if (failure !== undefined)
            span.setAttribute('error.type', failure).setStatus({ code: SpanStatusCode.ERROR })
          // It may set the timer of the next batch, which belongs to nobody's request.
          outsideRequests(() => span.end())
        },
      }
    },
    close: () => provider.shutdown(),
  }
}

const remote = ({ traceId, spanId, flags, state }: TraceParent) => ({
  traceId,
  spanId,
  traceFlags: flags,
  isRemote: true,
  ...(state !== undefined && { traceState: createTraceState(state) }),
})

/** A collector that is down is worth a line now and then, and nothing else. */
function telling(exporter: SpanExporter, log: Log): SpanExporter {
  let toldAt = Number.NEGATIVE_INFINITY
  function tell(error: Error | undefined) {
    const now = performance.now()
    if (now - toldAt < QUIET_MS) return
    toldAt = now
    log.warn('Traces could not be sent', { reason: plain(error?.message ?? 'unknown') })
  }
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0) tell(result.error)
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}

import { unlessUnset } from './unset.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Whether the standard variables of OpenTelemetry ask for traces to be sent. The rest of them, such as where to, is
 * read by its SDK, which is loaded only then. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function wantsTraces(env: Environment = process.env): boolean {
  const value = (name: string) => {
    const set = unlessUnset(env[name])
    return typeof set === 'string' ? set.trim() : undefined
  }
  if (value('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return false
  const exporters = value('OTEL_TRACES_EXPORTER')
  if (exporters !== undefined) return exporters.split(',').some((name) => name.trim() === 'otlp')
  return ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].some(
    (name) => value(name) !== undefined,
  )
}

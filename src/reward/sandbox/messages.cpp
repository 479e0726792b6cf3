#include "reward/sandbox/messages.h"

#include "reward/sandbox/wire.h"

namespace hone::sandbox {
namespace {

void write(Writer& writer, const RunLimits& limits) {
  writer.number(limits.cpu_seconds).number(limits.wall_seconds);
  for (const int64_t bound : {limits.memory_bytes, limits.processes, limits.file_bytes, limits.disk_bytes, limits.files,
                              limits.output_bytes, limits.descriptors, limits.stack_bytes}) {
    writer.number(bound);
  }
}

RunLimits read_limits(Reader& reader) {
  RunLimits limits;
  limits.cpu_seconds = reader.number<double>();
  limits.wall_seconds = reader.number<double>();
  for (int64_t* bound : {&limits.memory_bytes, &limits.processes, &limits.file_bytes, &limits.disk_bytes, &limits.files,
                         &limits.output_bytes, &limits.descriptors, &limits.stack_bytes}) {
    *bound = reader.number<int64_t>();
  }
  return limits;
}

}  // namespace

std::string encode(RequestKind kind, const std::vector<const Program*>& programs) {
  Writer writer;
  writer.number(static_cast<uint8_t>(kind)).number<uint64_t>(programs.size());
  for (const Program* program : programs) {
    writer.texts(program->command).texts(program->visible).number<uint64_t>(program->files.size());
    for (const BoxFile& file : program->files) writer.text(file.path).text(file.bytes).number(file.executable);
    writer.text(program->input);
    write(writer, program->limits);
  }
  return writer.bytes();
}

Request decode_request(std::string_view bytes) {
  Reader reader(bytes);
  Request request;
  request.kind = static_cast<RequestKind>(reader.number<uint8_t>());
  for (auto n = reader.number<uint64_t>(); n > 0; --n) {
    Program& program = request.programs.emplace_back();
    program.command = reader.texts();
    program.visible = reader.texts();
    for (auto files = reader.number<uint64_t>(); files > 0; --files) {
      BoxFile& file = program.files.emplace_back();
      file.path = reader.text();
      file.bytes = reader.text();
      file.executable = reader.number<bool>();
    }
    program.input = reader.text();
    program.limits = read_limits(reader);
  }
  return request;
}

std::string encode(const std::vector<RunResult>& results) {
  Writer writer;
  writer.number<uint64_t>(results.size());
  for (const RunResult& result : results) {
    writer.number(static_cast<int>(result.status)).text(result.reason).number(result.exit_code).number(result.signal);
    writer.number(result.cpu_seconds).number(result.wall_seconds).number(result.peak_memory_bytes);
    writer.text(result.output).text(result.error);
  }
  return writer.bytes();
}

std::vector<RunResult> decode_results(std::string_view bytes) {
  Reader reader(bytes);
  std::vector<RunResult> results;
  for (auto n = reader.number<uint64_t>(); n > 0; --n) {
    RunResult& result = results.emplace_back();
    result.status = static_cast<RunStatus>(reader.number<int>());
    result.reason = reader.text();
    result.exit_code = reader.number<int>();
    result.signal = reader.number<int>();
    result.cpu_seconds = reader.number<double>();
    result.wall_seconds = reader.number<double>();
    result.peak_memory_bytes = reader.number<int64_t>();
    result.output = reader.text();
    result.error = reader.text();
  }
  return results;
}

}  // namespace hone::sandbox

// Runs a fuzz target without a fuzzer: over every file of a corpus, then over seeded mutations of them, made by the target's
// LLVMFuzzerCustomMutator where it has one. Deterministic for a seed and a number of mutations, so a failure repeats.
//
//   fuzz_NAME CORPUS_DIR [--mutations N] [--seed S] [--seconds T]     or     fuzz_NAME FILE...
//
// The input under test is written to crash-NAME in the working directory when the target dies.

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) __attribute__((weak));
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) __attribute__((weak));
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using culvert::Bytes;
using culvert::ByteView;

constexpr size_t kMaxInput = 65536;       // octets; a datagram's bound
constexpr double kMaxSeconds = 1.0;       // CPU time of one input: more is a denial of service

ByteView under_test;                      // for the death callback
char crash_file[256];

void SaveInput() {
  int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  (void)!write(fd, under_test.data(), under_test.size());
  close(fd);
  constexpr std::string_view kSaid = "the input is in ";
  (void)!write(STDERR_FILENO, kSaid.data(), kSaid.size());
  (void)!write(STDERR_FILENO, crash_file, std::char_traits<char>::length(crash_file));
  (void)!write(STDERR_FILENO, "\n", 1);
}

void OnSignal(int signal_number) {
  SaveInput();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

double CpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

void RunOne(const Bytes& input) {
  // A copy of the exact size: a read past the end is then a sanitizer's to see, whatever the vector's capacity.
  std::vector<uint8_t> exact(input.begin(), input.end());
  exact.shrink_to_fit();
  under_test = exact;
  double before = CpuSeconds();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  if (CpuSeconds() - before > kMaxSeconds) {
    std::fprintf(stderr, "one input took more than %.0f s\n", kMaxSeconds);
    std::abort();
  }
  under_test = {};
}

Bytes ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  Bytes b{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(1);
  }
  return b;
}

// Knows nothing of any format: octets, 16-bit numbers and runs of octets.
class Mutator {
 public:
  // `corpus` is borrowed, not empty, and outlives the mutator.
  Mutator(uint64_t seed, const std::vector<Bytes>& corpus) : random_(seed), corpus_(corpus) {}

  Bytes Next() {
    Bytes b = corpus_[Below(corpus_.size())];
    if (!LLVMFuzzerCustomMutator) {
      Mutate(b, kMaxInput);
      return b;
    }
    const size_t size = b.size();
    b.resize(kMaxInput);
    b.resize(LLVMFuzzerCustomMutator(b.data(), size, kMaxInput, static_cast<unsigned>(random_())));
    return b;
  }
  void Mutate(Bytes& b, size_t max_size) {
    for (size_t n = 1 + Below(8); n > 0; --n) Step(b);
    if (b.size() > max_size) b.resize(max_size);
  }

 private:
  static constexpr uint16_t kInteresting[] = {0, 1, 2, 3, 4, 7, 8, 16, 28, 127, 128, 255, 256, 1024, 32767, 32768, 65534, 65535};

  size_t Below(size_t n) { return n ? std::uniform_int_distribution<size_t>(0, n - 1)(random_) : 0; }
  uint16_t Interesting() { return kInteresting[Below(std::size(kInteresting))]; }

  void Step(Bytes& b) {
    if (b.empty()) {
      b.push_back(static_cast<uint8_t>(Below(256)));
      return;
    }
    const size_t at = Below(b.size());
    const size_t run = 1 + Below(std::min<size_t>(b.size() - at, 32));
    switch (Below(9)) {
      case 0: b[at] ^= static_cast<uint8_t>(1 << Below(8)); break;
      case 1: b[at] = static_cast<uint8_t>(Below(256)); break;
      case 2: b[at] = static_cast<uint8_t>(Interesting()); break;
      case 3: b[at] = static_cast<uint8_t>(b[at] + Below(17) - 8); break;
      case 4: Put16(b, at, Interesting()); break;
      case 5: b.erase(b.begin() + static_cast<ptrdiff_t>(at), b.begin() + static_cast<ptrdiff_t>(at + run)); break;
      case 6: Insert(b, at, Bytes(run, static_cast<uint8_t>(Below(256)))); break;
      case 7: Insert(b, Below(b.size() + 1), culvert::ToBytes(ByteView(b).subspan(at, run))); break;
      case 8: Splice(b, at, corpus_[Below(corpus_.size())]); break;
    }
  }

  static void Put16(Bytes& b, size_t at, uint16_t value) {
    b[at] = static_cast<uint8_t>(value >> 8);
    if (at + 1 < b.size()) b[at + 1] = static_cast<uint8_t>(value);
  }
  static void Insert(Bytes& b, size_t at, const Bytes& what) {
    b.insert(b.begin() + static_cast<ptrdiff_t>(at), what.begin(), what.end());
  }
  void Splice(Bytes& b, size_t at, const Bytes& other) {
    b.resize(at);
    const size_t from = Below(other.size() + 1);
    b.insert(b.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
  }

  std::mt19937_64 random_;
  const std::vector<Bytes>& corpus_;
};

Mutator* mutator_in_use = nullptr;        // LLVMFuzzerMutate has no argument to carry it

struct Options {
  std::vector<std::filesystem::path> inputs;
  uint64_t mutations = 200'000;
  uint64_t seed = 1;
  uint64_t seconds = 2;    // of wall clock, whichever of the two bounds is met first
};

uint64_t Number(std::string_view text) {
  uint64_t n = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size()) {
    std::fprintf(stderr, "not a number: %s\n", std::string(text).c_str());
    std::exit(64);
  }
  return n;
}

Options ParseArguments(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    std::string_view a = argv[i];
    if (!a.starts_with("--")) {
      o.inputs.emplace_back(a);
      continue;
    }
    uint64_t* value = a == "--mutations" ? &o.mutations : a == "--seed" ? &o.seed : a == "--seconds" ? &o.seconds : nullptr;
    if (!value || i + 1 == argc) {
      std::fprintf(stderr, "usage: %s CORPUS_DIR|FILE... [--mutations N] [--seed S] [--seconds T]\n", argv[0]);
      std::exit(64);
    }
    *value = Number(argv[++i]);
  }
  return o;
}

std::vector<Bytes> LoadCorpus(const std::vector<std::filesystem::path>& inputs) {
  std::vector<std::filesystem::path> files;
  for (const auto& path : inputs) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  }
  std::ranges::sort(files);  // the order of a directory is not a seed's
  std::vector<Bytes> corpus;
  for (const auto& f : files) corpus.push_back(ReadFile(f));
  return corpus;
}

}  // namespace

// What libFuzzer offers custom mutators.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  Bytes b(data, data + size);
  mutator_in_use->Mutate(b, max_size);
  std::ranges::copy(b, data);
  return b.size();
}

int main(int argc, char** argv) {
  const std::string name = std::filesystem::path(argv[0]).filename();
  std::snprintf(crash_file, sizeof crash_file, "crash-%s", name.c_str());
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(SaveInput);
  for (int s : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(s, OnSignal);
  if (LLVMFuzzerInitialize) LLVMFuzzerInitialize(&argc, &argv);

  const Options options = ParseArguments(argc, argv);
  const std::vector<Bytes> corpus = LoadCorpus(options.inputs);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", name.c_str());
    return 1;
  }
  for (const auto& input : corpus) RunOne(input);

  Mutator mutator(options.seed, corpus);
  mutator_in_use = &mutator;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  uint64_t done = 0;
  while (done < options.mutations && std::chrono::steady_clock::now() < end) {
    RunOne(mutator.Next());
    ++done;
  }
  std::printf("%s: %zu corpus files, %llu mutations of seed %llu\n", name.c_str(), corpus.size(),
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(options.seed));
  return 0;
}

// SPDX-License-Identifier: MIT
// Writes that are counted when they are on a replica: `acknowledged_load PORT CLIENTS PIPELINE SECONDS WAIT`. Each
// client sends SETs of 64 bytes, PIPELINE at a time, with WAIT 1 behind them if WAIT is 1, and reads the replies.
// Prints writes per second, and the median and the 99th percentile of a batch's time in milliseconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  int port = 0;
  size_t clients = 0;
  size_t pipeline = 0;
  double seconds = 0;
  bool waits = false;
};

int Connect(int port) {
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::exit(1);
  return connection;
}

std::string Batch(const Load& load, std::mt19937& random) {
  static const std::string kValue(64, 'v');
  std::string batch;
  for (size_t i = 0; i < load.pipeline; ++i) {
    char key[32];
    const int length = std::snprintf(key, sizeof key, "key:%012u", static_cast<unsigned>(random() % 1'000'000));
    batch += "*3\r\n$3\r\nSET\r\n$" + std::to_string(length) + "\r\n" + key + "\r\n$64\r\n" + kValue + "\r\n";
  }
  if (load.waits) batch += "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n";
  return batch;
}

void Send(int connection, const std::string& batch) {
  for (size_t sent = 0; sent < batch.size();) {
    const ssize_t n = ::send(connection, batch.data() + sent, batch.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) std::exit(1);
    sent += static_cast<size_t>(n);
  }
}

void ReadLines(int connection, size_t lines) {
  char bytes[4096];
  while (lines > 0) {
    const ssize_t n = ::recv(connection, bytes, sizeof bytes, 0);
    if (n <= 0 || std::count(bytes, bytes + n, '-') != 0) {
      std::fprintf(stderr, "no reply, or an error: %.*s\n", static_cast<int>(std::max<ssize_t>(n, 0)), bytes);
      std::exit(1);
    }
    lines -= std::min(lines, static_cast<size_t>(std::count(bytes, bytes + n, '\n')));
  }
}

// The time of each batch, in milliseconds.
std::vector<double> Run(const Load& load, unsigned seed, Clock::time_point end) {
  std::mt19937 random(seed);
  const int connection = Connect(load.port);
  std::vector<double> took;
  while (Clock::now() < end) {
    const std::string batch = Batch(load, random);
    const Clock::time_point begun = Clock::now();
    Send(connection, batch);
    ReadLines(connection, load.pipeline + (load.waits ? 1 : 0));
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begun).count());
  }
  ::close(connection);
  return took;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const Load load{std::atoi(argv[1]), std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10),
                  std::atof(argv[4]), std::atoi(argv[5]) != 0};
  const auto begun = Clock::now();
  const auto end = begun + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(load.seconds));
  std::vector<std::vector<double>> each(load.clients);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < load.clients; ++i) {
    threads.emplace_back([&, i] { each[i] = Run(load, static_cast<unsigned>(i), end); });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  std::vector<double> all;
  for (const auto& took : each) all.insert(all.end(), took.begin(), took.end());
  std::sort(all.begin(), all.end());
  if (all.empty()) return 1;
  std::printf("%.0f %.3f %.3f\n", static_cast<double>(all.size() * load.pipeline) / seconds, all[all.size() / 2],
              all[all.size() * 99 / 100]);
  return 0;
}

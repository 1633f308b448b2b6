// SPDX-License-Identifier: MIT
// The one table of INFO and /metrics.
#include <cctype>
#include <set>
#include <string>

#include "server/report/info_page.h"
#include "server/report/metrics_page.h"
#include "tests/support/session_fixture.h"

namespace ringkv::server {
namespace {

class ReportTest : public SessionFixture {
 protected:
  std::string Metrics() { return MetricsPage(server_.report_parts(), server_.thread(0).txn)(); }
  std::string Info(std::vector<std::string_view> sections) {
    return InfoPage(server_.report_parts(), server_.thread(0).txn, sections);
  }
  // "name:value" lines of INFO, or "name value" lines of /metrics.
  static std::string ValueOf(const std::string& page, const std::string& name, char separator) {
    const size_t at = ("\n" + page).find("\n" + name + separator);
    if (at == std::string::npos) return "missing";
    const size_t begin = at + name.size() + 1;
    return page.substr(begin, page.find_first_of("\r\n", begin) - begin);
  }
};

TEST_F(ReportTest, ARowSaysTheSameInInfoAndToPrometheus) {
  Run("set a 1");
  Run("set b 1 ex 100");
  Run("get a");
  Run("get missing");
  Run("config set maxmemory 1gb");
  const std::string metrics = Metrics();
  const std::string info = Info({"everything"});
  for (const auto& [in_info, series] :
       {std::pair("maxmemory", "ringkv_memory_max_bytes"), std::pair("connected_clients", "ringkv_connected_clients"),
        std::pair("keyspace_hits", "ringkv_keyspace_hits_total"),
        std::pair("keyspace_misses", "ringkv_keyspace_misses_total"),
        std::pair("connected_slaves", "ringkv_replication_connected_replicas")}) {
    const std::string text = ValueOf(info, in_info, ':');
    ASSERT_NE(text, "missing") << in_info;
    EXPECT_EQ(std::stod(ValueOf(metrics, series, ' ')), std::stod(text)) << series;
  }
}

TEST_F(ReportTest, AGroupIsALineForEachThingAndALabelForPrometheus) {
  Run("set a 1");
  Run("select 3");
  Run("set b 1");
  Run("set c 1 ex 100");
  EXPECT_NE(Info({"keyspace"}).find("db0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\ndb3:keys=2,expires=1,avg_ttl="),
            std::string::npos);
  const std::string metrics = Metrics();
  EXPECT_EQ(ValueOf(metrics, "ringkv_keys{db=\"0\"}", ' '), "1");
  EXPECT_EQ(ValueOf(metrics, "ringkv_keys{db=\"3\"}", ' '), "2");
  EXPECT_EQ(ValueOf(metrics, "ringkv_keys_expiring{db=\"3\"}", ' '), "1");
}

TEST_F(ReportTest, ASeriesIsDeclaredOnceAndHasHelp) {
  Run("nosuch");
  Run("get a");
  std::istringstream page(Metrics());
  std::set<std::string> declared;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("# HELP ")) continue;
    const std::string name = line.substr(7, line.find(' ', 7) - 7);
    EXPECT_TRUE(declared.insert(name).second) << name;
    EXPECT_GT(line.size(), 7 + name.size() + 1) << name << " has no help";
  }
  EXPECT_GT(declared.size(), 50u);
}

TEST_F(ReportTest, AFieldOfInfoIsThereOnceInASection) {
  std::istringstream page(Info({"everything"}));
  std::set<std::string> fields;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("# ")) fields.clear();
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    EXPECT_TRUE(fields.insert(line.substr(0, colon)).second) << line;
  }
}

TEST_F(ReportTest, LoadingIsDescribedWhileItGoesOn) {
  EXPECT_EQ(ValueOf(Info({"persistence"}), "loading_start_time", ':'), "missing");
  server_.BeginLoading();
  clock_.Advance(3000);
  const std::string info = Info({"persistence"});
  EXPECT_EQ(ValueOf(info, "loading", ':'), "1");
  EXPECT_EQ(ValueOf(info, "loading_start_time", ':'), "1700000000");
  EXPECT_EQ(ValueOf(info, "loading_loaded_bytes", ':'), "0");
  EXPECT_EQ(ValueOf(info, "loading_loaded_perc", ':'), "0.00");
  EXPECT_EQ(ValueOf(info, "loading_eta_seconds", ':'), "1");
}

TEST_F(ReportTest, TheTimeAboveMaxmemoryIsCounted) {
  const auto time = [&](const char* field) { return ValueOf(Info({"stats"}), field, ':'); };
  Run("config set maxmemory 1");
  EXPECT_EQ(Run("set a 1").substr(0, 4), "-OOM");
  clock_.Advance(500);
  EXPECT_EQ(time("current_eviction_exceeded_time"), "500");
  EXPECT_EQ(time("total_eviction_exceeded_time"), "500");
  Run("config set maxmemory 1gb");
  Run("set a 1");
  clock_.Advance(500);
  EXPECT_EQ(time("current_eviction_exceeded_time"), "0");
  EXPECT_EQ(time("total_eviction_exceeded_time"), "500");
}

TEST_F(ReportTest, AReplicaTellsOfItsLinkAndAPrimaryDoesNot) {
  EXPECT_EQ(Info({"replication"}).find("master_link_status"), std::string::npos);
  Run("replicaof 127.0.0.1 1");
  const std::string info = Info({"replication"});
  EXPECT_NE(info.find("role:slave\r\n"), std::string::npos);
  EXPECT_NE(info.find("master_host:127.0.0.1\r\nmaster_port:1\r\nmaster_link_status:down\r\n"), std::string::npos);
  Run("replicaof no one");
}

}  // namespace
}  // namespace ringkv::server

// The judge's key goes to nobody whose certificate is not vouched for.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "hone/core/error.h"
#include "hone/reward/reward.h"

namespace hone {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

/// A TLS server on 127.0.0.1 with a certificate for that address which it signed itself. It counts connections and
/// those that came to trust it.
class SelfSignedServer {
 public:
  SelfSignedServer() : context_(SSL_CTX_new(TLS_server_method())), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509, Free<X509_free>> certificate(X509_new());
    X509* const x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key.get());
    const auto* const name = reinterpret_cast<const unsigned char*>("127.0.0.1");
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> address(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1"));
    HONE_ASSERT(X509_add_ext(x, address.get(), -1) == 1 && X509_sign(x, key.get(), EVP_sha256()) > 0 &&
                SSL_CTX_use_certificate(context_.get(), x) == 1 &&
                SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(where);
    auto* const any = reinterpret_cast<sockaddr*>(&where);
    HONE_ASSERT(::bind(listener_, any, size) == 0 && ::listen(listener_, 8) == 0 &&
                ::getsockname(listener_, any, &size) == 0);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~SelfSignedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
  }

  std::string url() const { return fmt::format("https://127.0.0.1:{}/v1", port_); }
  int connections() const { return connections_; }
  int trusted() const { return trusted_; }

 private:
  void accept_all() {
    for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(client)) {
      ++connections_;
      const timeval patience{.tv_sec = 5, .tv_usec = 0};
      ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      const std::unique_ptr<SSL, Free<SSL_free>> session(SSL_new(context_.get()));
      SSL_set_fd(session.get(), client);
      trusted_ += SSL_accept(session.get()) == 1;
    }
  }

  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
  int listener_;
  uint16_t port_ = 0;
  std::atomic<int> connections_ = 0, trusted_ = 0;
  std::thread acceptor_;
};

TEST(JudgeTls, ACertificateThatNobodyVouchesForIsRefused) {
  const SelfSignedServer server;
  JudgeReward reward;
  reward.url = server.url();
  reward.model = "grader";
  reward.prompt = "{{completion}}";
  reward.timeout_seconds = 5;
  reward.retries = 2;
  const RewardResult result =
      RewardSet({{.name = std::nullopt, .parameters = reward}}, 100).judge(Prompt(), Completion())[0];
  EXPECT_EQ(result.verdict, Verdict::kUnusable);
  EXPECT_NE(result.reason.find("certificate"), std::string::npos) << result.reason;
  EXPECT_EQ(server.connections(), 1);  // a second look would not mend it
  EXPECT_EQ(server.trusted(), 0);
}

}  // namespace
}  // namespace hone

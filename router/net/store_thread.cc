// SPDX-License-Identifier: Apache-2.0
#include "router/net/store_thread.h"

#include <absl/container/flat_hash_map.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace homing::net {

namespace asio = boost::asio;

class StoreThread::Impl : public std::enable_shared_from_this<StoreThread::Impl> {
 public:
  using Job = std::function<void(base::SqliteStore&)>;

  Impl(asio::any_io_executor executor, std::unique_ptr<base::SqliteStore> store, std::chrono::milliseconds limit,
       std::function<void(core::Event)> answer, std::function<void(const std::string&)> silence)
      : executor_(std::move(executor)),
        store_(std::move(store)),
        limit_(limit),
        answer_(std::move(answer)),
        silence_(std::move(silence)) {}

  void begin() {
    thread_ = std::thread([this] { work(); });
  }

  void add(Job job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
  }

  // Driver's thread: the call is out, and its limit runs.
  void expect(core::StoreToken token) {
    auto timer = std::make_unique<asio::steady_timer>(executor_, limit_);
    timer->async_wait([self = weak_from_this(), token](boost::system::error_code error) {
      if (const auto impl = self.lock(); impl && !error) {
        impl->deliver(token, core::Silent{token}, "no answer within the time limit");
      }
    });
    waiting_[token] = std::move(timer);
  }

  // Store's thread.
  void reply(core::StoreToken token, core::Event event, std::string why) {
    asio::post(executor_, [self = shared_from_this(), token, event = std::move(event), why = std::move(why)]() mutable {
      self->deliver(token, std::move(event), why);
    });
  }

  void run_on_driver(std::function<void()> then) {
    asio::post(executor_, [self = shared_from_this(), then = std::move(then)] {
      if (!self->stopped_) then();
    });
  }

  void stop() {
    stopped_ = true;
    waiting_.clear();
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    answer_ = {};
    silence_ = {};
  }

 private:
  void deliver(core::StoreToken token, core::Event event, const std::string& why) {
    if (stopped_ || waiting_.erase(token) == 0) return;
    if (std::holds_alternative<core::Silent>(event)) silence_(why);
    answer_(std::move(event));
  }

  void work() {
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
        if (ending_) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job(*store_);
    }
  }

  asio::any_io_executor executor_;
  std::unique_ptr<base::SqliteStore> store_;  // the store thread's, once it runs
  const std::chrono::milliseconds limit_;
  std::function<void(core::Event)> answer_;
  std::function<void(const std::string&)> silence_;
  absl::flat_hash_map<core::StoreToken, std::unique_ptr<asio::steady_timer>> waiting_;
  bool stopped_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

StoreThread::StoreThread(asio::any_io_executor executor, std::unique_ptr<base::SqliteStore> store,
                         std::chrono::milliseconds limit, std::function<void(core::Event)> answer,
                         std::function<void(const std::string&)> silence)
    : impl_(
          std::make_shared<Impl>(std::move(executor), std::move(store), limit, std::move(answer), std::move(silence))) {
  impl_->begin();
}

StoreThread::~StoreThread() {
  impl_->stop();
}
void StoreThread::stop() {
  impl_->stop();
}

void StoreThread::read_since(core::ReadSince call) {
  impl_->expect(call.token);
  impl_->add([impl = impl_.get(), call](base::SqliteStore& store) {
    auto answer = store.read_since(call);
    std::visit([&](auto& value) { impl->reply(call.token, std::move(value), store.last_error()); }, answer);
  });
}

void StoreThread::compare_and_set(core::CompareAndSet call) {
  impl_->expect(call.token);
  impl_->add([impl = impl_.get(), call = std::move(call)](base::SqliteStore& store) {
    auto answer = store.compare_and_set(call);
    std::visit([&](auto& value) { impl->reply(call.token, std::move(value), store.last_error()); }, answer);
  });
}

void StoreThread::remember_user(core::UserId user, std::string name) {
  impl_->add([user, name = std::move(name)](base::SqliteStore& store) { store.remember_user(user, name); });
}

void StoreThread::user_name(core::UserId user, std::function<void(std::optional<std::string>)> then) {
  impl_->add([impl = impl_.get(), user, then = std::move(then)](base::SqliteStore& store) {
    impl->run_on_driver([then, name = store.user_name(user)] { then(name); });
  });
}

}  // namespace homing::net

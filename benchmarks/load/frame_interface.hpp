#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "benchmarks/load/network_namespace.hpp"
#include "common/base/bpf.hpp"
#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"

namespace turnpike::bench {

/// A network interface seen as a wire: XDP programs put whole Ethernet frames on it, millions a second, and count
/// those that come in, without sockets, as if a network card were there.
///
///     attach → counts at once → load(frames, burst) → start(schedule) … sent(), arrived() … stop()
///
/// The interface's other end must take frames from XDP (veth: generic receive offload on, or a program attached).
///
/// Errors     sentences; CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN are needed
/// Lifetime   its programs end with it
/// Threading  one thread, beside its own
/// Source     Linux Documentation/bpf/bpf_prog_run.rst (live frames)
class FrameInterface {
public:
    /// Which frames are counted and taken off the wire; all others go to the system.
    struct Expected {
        std::uint16_t port = 0;      // UDP, IPv4 without options
        bool from_port = false;      // the source port; else the destination port
        bool channel_data = false;   // and the payload begins like ChannelData
    };
    /// `where` is NAMESPACE/INTERFACE, or INTERFACE in this namespace.
    static std::expected<std::unique_ptr<FrameInterface>, std::string> attach(const std::string& where,
                                                                              const Expected& expected);
    FrameInterface(const FrameInterface&) = delete;
    FrameInterface& operator=(const FrameInterface&) = delete;
    ~FrameInterface();

    static constexpr std::size_t kFrameMin = 64;  // bytes; what differs between frames is in these first ones
    /// All of one size, at least kFrameMin. Each goes out `burst` times before the next one does.
    std::expected<void, std::string> load(const std::vector<Bytes>& frames, std::uint32_t burst);

    struct Schedule {
        double frames_per_second = 0;
        std::uint32_t batch = 1;  // as many at a time
    };
    /// From now on frames leave by the schedule, whatever happens to them: a thread is busy with
    /// that alone, and the program that makes them looks at the clock.
    void start(const Schedule& schedule, Instant now);
    /// Ends it; what went wrong meanwhile.
    std::expected<void, std::string> stop();

    /// Frames sent so far, and batches of them that left more than 1 ms late.
    std::uint64_t sent() const noexcept;
    std::uint64_t late_batches() const noexcept;
    std::array<std::uint8_t, 6> hardware_address() const noexcept { return hardware_address_; }

    /// Expected frames so far.
    std::uint64_t arrived() const noexcept;

private:
    struct Source;  // what the sending program and we share

    FrameInterface() = default;
    std::expected<void, std::string> send_until_stopped();

    std::string namespace_;
    int index_ = 0;  // of the interface
    std::array<std::uint8_t, 6> hardware_address_{};
    bpf::Object count_, sink_, sink_link_;
    bpf::Object frames_, state_, source_;
    Bytes frame_;  // behind its first bytes all are alike
    const volatile std::uint64_t* arrived_ = nullptr;
    volatile Source* shared_ = nullptr;
    std::thread thread_;
    std::atomic<bool> stopping_{false};
    std::future<std::expected<void, std::string>> outcome_;
};

}  // namespace turnpike::bench

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"

/// What the service manager is told. Each is harmless where there is none.
namespace turnpike::ops::systemd {

void ready(std::string_view status);
void status(std::string_view text);  // the line in `systemctl status`
void reloading();                    // then ready() again
void stopping(std::string_view status);
void alive();  // WATCHDOG=1

/// How often alive() is due: half of what the manager allows. Nothing when it does not watch.
std::optional<Milliseconds> watchdog_interval();

/// Whether stderr is connected to the journal ($JOURNAL_STREAM).
bool stderr_is_journal();

}  // namespace turnpike::ops::systemd

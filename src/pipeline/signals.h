// SIGINT and SIGTERM end a run after the current step, with a checkpoint; a second one ends it at once. SIGUSR1 asks
// for a checkpoint.
#pragma once

namespace hone {

void install_signal_handlers();
/// The signal that asked the run to stop, or 0.
int stop_signal();
/// Another rank got it. One that comes here too is still the first one here.
void set_stop_signal(int signal);
/// Whether a checkpoint was asked for since the last call.
bool take_save_request();

}  // namespace hone

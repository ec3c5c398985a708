#pragma once

namespace CLI {
class App;
}

namespace turnpike::admin {

class Session;

/// Each noun adds its subcommand; what runs leaves its exit code in the session.
void add_status(CLI::App& app, Session& session);
void add_nodes(CLI::App& app, Session& session);
void add_allocations(CLI::App& app, Session& session);
void add_rooms(CLI::App& app, Session& session);
void add_participants(CLI::App& app, Session& session);
void add_credentials(CLI::App& app, Session& session);
void add_cluster(CLI::App& app, Session& session);
void add_config(CLI::App& app, Session& session);
void add_import_coturn(CLI::App& config, Session& session);
void add_completion(CLI::App& app, Session& session);
void add_man(CLI::App& app, Session& session);
void add_schema(CLI::App& app, Session& session);
void add_version(CLI::App& app, Session& session);

}  // namespace turnpike::admin

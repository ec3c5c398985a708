#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace turnpike::admin {

class Session;

/// `turnpike __complete WORD...`, which the shells' scripts call: what the last word may become,
/// one candidate a line with a tab and its description. ":files" stands for file names. Names of
/// nodes, rooms and so on are asked of the daemons; where these do not answer there are none.
void complete(const CLI::App& app, Session& session, std::vector<std::string> words);

}  // namespace turnpike::admin

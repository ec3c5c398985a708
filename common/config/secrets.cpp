#include <algorithm>
#include <cstdlib>
#include <optional>

#include "common/config/reading.hpp"
#include "common/config/text_file.hpp"

namespace turnpike::config {
namespace {

constexpr std::size_t kSecretsOfAFileMax = 16;
constexpr std::string_view kForms =
    "{file = \"path\"}, {env = \"NAME\"}, {credential = \"name\"} or {value = \"text\"}";

/// The file's mode says who else may read it.
void check_mode(Table& table, const std::string& file, std::uint32_t mode) {
    char octal[8];
    std::snprintf(octal, sizeof octal, "%04o", mode & 0777U);
    const std::string is = "names " + file + " with mode " + octal;
    if ((mode & 07U) != 0 && !table.dev()) {
        table.problem("file", is + ": everybody on this machine may read it; chmod 0640 it");
    } else if ((mode & 0137U) != 0) {
        table.warning("file", is + "; 0640 or tighter is better");
    }
}

std::optional<std::string> unfit(std::string_view secret, std::size_t bytes_min) {
    if (secret.empty()) return "is empty";
    if (secret.find('\r') != std::string_view::npos)
        return "has a carriage return; save it with Unix line ends";
    for (const char c : secret) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return "has a control character";
    }
    if (secret.front() == ' ' || secret.back() == ' ') return "begins or ends with a space";
    if (secret.size() < bytes_min) {
        return "has " + std::to_string(secret.size()) + " bytes; at least " +
               std::to_string(bytes_min) + " are wanted, for example from: openssl rand -base64 32";
    }
    return {};
}

void wipe(std::string& text) {
    volatile char* p = text.data();
    for (std::size_t i = 0; i < text.size(); ++i) p[i] = 0;
    text.clear();
}

}  // namespace

/// What the getters of secrets share.
struct SecretReader {
    Reading& reading;

    /// Keeps absent forms, and the secret itself, out of the effective configuration.
    bool form(Table& table, std::string_view key, std::string& value) {
        const bool given = table.text(key, value);
        Reading::Known& known = reading.know(table.index_, key);
        if (!given) known.literal.clear();
        if (key == "value" && given) known.literal = "\"(redacted)\"";
        return given;
    }

    /// The secrets that one {...} names; empty after a problem.
    std::vector<SecretText> read(Table table, std::size_t bytes_min, bool several) {
        std::string file, env, credential, value;
        const bool by_file = form(table, "file", file), by_env = form(table, "env", env);
        const bool by_credential = form(table, "credential", credential),
                   by_value = form(table, "value", value);
        if (by_file + by_env + by_credential + by_value != 1) {
            const bool tried = table.has("file") || table.has("env") || table.has("credential") ||
                               table.has("value");
            const bool many = by_file + by_env + by_credential + by_value > 1;
            if (many || !tried)
                reading.add(Problem::Severity::Error, table.place(),
                            reading.tables[table.index_].path + " needs exactly one of " +
                                std::string{kForms});
            return {};
        }

        if (by_value) {
            std::vector<SecretText> out =
                split(table, "value", value, "the configuration", bytes_min, false);
            wipe(value);
            if (!table.dev())
                table.warning("value", "is a secret written in the configuration; a file is safer");
            return out;
        }
        if (by_env) {
            const char* text = std::getenv(env.c_str());
            if (!text) {
                table.problem("env", "names " + env + ", which is not in the environment");
                return {};
            }
            return split(table, "env", text, "environment " + env, bytes_min, several);
        }
        std::filesystem::path path;
        std::string_view key = "file";
        if (by_credential) {
            key = "credential";
            const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
            if (!directory) {
                table.problem(
                    key, "needs $CREDENTIALS_DIRECTORY, which systemd sets for LoadCredential=");
                return {};
            }
            if (credential.empty() || credential.find('/') != std::string::npos ||
                credential.starts_with('.')) {
                table.problem(key, "is no name of a credential");
                return {};
            }
            path = std::filesystem::path{directory} / credential;
        } else {
            table.path("file", path);
        }
        auto text = TextFile::read(path, Table::kSecretFileBytesMax);
        if (!text) {
            table.problem(key, ": " + text.error());
            return {};
        }
        reading.secret_files.push_back(path);
        if (by_file) check_mode(table, path.string(), text->mode);
        std::vector<SecretText> out =
            split(table, key, text->text, "file " + path.string(), bytes_min, several);
        wipe(text->text);
        return out;
    }

    std::vector<SecretText> split(Table& table, std::string_view key, std::string_view text,
                                  const std::string& origin, std::size_t bytes_min, bool several) {
        std::vector<SecretText> out;
        while (text.ends_with('\n')) text.remove_suffix(1);
        if (text.find('\0') != std::string_view::npos) {
            table.problem(key, ": the secret has a NUL byte");
            return {};
        }
        if (!several && text.find('\n') != std::string_view::npos) {
            table.problem(key, ": " + origin + " has several lines; one secret is wanted");
            return {};
        }
        for (std::size_t at = 0, line = 1; at <= text.size(); ++line) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            const std::string_view one = text.substr(at, end - at);
            at = end + 1;
            if (one.empty() && text.find('\n') != std::string_view::npos) continue;
            if (const auto why = unfit(one, bytes_min)) {
                const std::string where = text.find('\n') == std::string_view::npos
                                              ? ""
                                              : "line " + std::to_string(line) + " of ";
                table.problem(key,
                              "names no good secret: the secret in " + where + origin + " " + *why);
                return {};
            }
            if (out.size() == kSecretsOfAFileMax) {
                table.problem(key, ": " + origin + " has more than 16 secrets");
                return {};
            }
            out.push_back(SecretText{Secret{one}, origin});
        }
        return out;
    }
};

bool Table::secret(std::string_view key, SecretText& value, std::size_t bytes_min) {
    const bool given = has(key);
    Table child = table(key);
    if (!given || !reading_->tables[child.index_].node) return false;
    std::vector<SecretText> read = SecretReader{*reading_}.read(child, bytes_min, false);
    if (read.size() != 1) return false;
    value = std::move(read.front());
    return true;
}

bool Table::secrets(std::string_view key, std::vector<SecretText>& value, std::size_t bytes_min) {
    const std::size_t errors = reading_->errors;
    std::vector<SecretText> all;
    for (const Table& child : tables(key)) {
        for (SecretText& one : SecretReader{*reading_}.read(child, bytes_min, true))
            all.push_back(std::move(one));
    }
    if (!has(key) || reading_->errors != errors) return false;
    value = std::move(all);
    return true;
}

bool Table::shared_secrets(std::string_view key, std::vector<SharedSecret>& value) {
    constexpr std::size_t kIdMax = 16;
    const std::size_t errors = reading_->errors;
    std::vector<SharedSecret> all;
    std::size_t number = 0;
    for (Table child : tables(key)) {
        SharedSecret common;
        common.id = "k" + std::to_string(++number);
        child.text("id", common.id);
        const bool good_id = !common.id.empty() && common.id.size() <= kIdMax &&
                             std::all_of(common.id.begin(), common.id.end(), [](char c) {
                                 return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                        (c >= '0' && c <= '9') || c == '_' || c == '-';
                             });
        if (!good_id) child.problem("id", "must be 1 to 16 letters, digits, '-' or '_'");
        child.choice("issuer", common.issued_by_turnpike, {{"other", false}, {"turnpike", true}});
        child.choice("algorithm", common.sha256, {{"sha1", false}, {"sha256", true}});

        std::size_t line = 0;
        for (SecretText& one : SecretReader{*reading_}.read(child, kSecretBytesMin, true)) {
            SharedSecret secret = common;
            if (++line > 1) {
                const std::string suffix = "-" + std::to_string(line);
                secret.id = common.id.substr(0, kIdMax - suffix.size()) + suffix;
            }
            secret.value = std::move(one.value);
            secret.origin = std::move(one.origin);
            const bool taken = std::any_of(
                all.begin(), all.end(), [&](const SharedSecret& s) { return s.id == secret.id; });
            if (taken)
                child.problem("id",
                              "is \"" + secret.id + "\", which another secret of the list has");
            all.push_back(std::move(secret));
        }
    }
    if (!has(key) || reading_->errors != errors) return false;
    value = std::move(all);
    return true;
}

}  // namespace turnpike::config

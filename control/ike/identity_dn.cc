#include "control/ike/identity_dn.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <memory>

#include "common/base/limits.h"
#include "config/text.h"

namespace culvert::ike {
namespace {

struct NameDeleter {
  void operator()(X509_NAME* n) const { X509_NAME_free(n); }
};
using NamePtr = std::unique_ptr<X509_NAME, NameDeleter>;

// strongSwan's attribute tokens; the first of a NID is the one printed.
struct Attribute {
  std::string_view token;
  int nid;
};
constexpr Attribute kAttributes[] = {
    {"CN", NID_commonName},
    {"C", NID_countryName},
    {"L", NID_localityName},
    {"ST", NID_stateOrProvinceName},
    {"O", NID_organizationName},
    {"OU", NID_organizationalUnitName},
    {"DC", NID_domainComponent},
    {"UID", NID_userId},
    {"E", NID_pkcs9_emailAddress},
    {"Email", NID_pkcs9_emailAddress},
    {"emailAddress", NID_pkcs9_emailAddress},
    {"serialNumber", NID_serialNumber},
    {"SN", NID_serialNumber},
    {"S", NID_surname},
    {"T", NID_title},
    {"D", NID_description},
    {"N", NID_name},
    {"G", NID_givenName},
    {"I", NID_initials},
    {"dnQualifier", NID_dnQualifier},
    {"ID", NID_x500UniqueIdentifier},
    {"postalAddress", NID_postalAddress},
    {"postalCode", NID_postalCode},
    {"STREET", NID_streetAddress},
    {"UN", NID_pkcs9_unstructuredName},
    {"unstructuredName", NID_pkcs9_unstructuredName},
    {"UA", NID_pkcs9_unstructuredAddress},
    {"unstructuredAddress", NID_pkcs9_unstructuredAddress},
};

std::optional<int> FindNid(std::string_view token) {
  for (const auto& a : kAttributes) {
    if (config::EqualIgnoringCase(a.token, token)) return a.nid;
  }
  return std::nullopt;
}

std::string AttributeName(const ASN1_OBJECT* object) {
  int nid = OBJ_obj2nid(object);
  for (const auto& a : kAttributes) {
    if (nid != NID_undef && a.nid == nid) return std::string(a.token);
  }
  char oid[80] = "";
  OBJ_obj2txt(oid, sizeof oid, object, 1);
  return oid;
}

// RFC 5280 4.1.2.4, appendix A: mail addresses and domain components are IA5String; else the narrowest that holds the text.
int StringType(int nid, std::string_view value) {
  if (nid == NID_pkcs9_emailAddress || nid == NID_domainComponent) return V_ASN1_IA5STRING;
  // X.680 41.4. (OpenSSL's ASN1_PRINTABLE_type wants a terminated string.)
  constexpr std::string_view kPrintable = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?";
  return value.find_first_not_of(kPrintable) == value.npos ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;
}

NamePtr DecodeName(ByteView der) {
  const unsigned char* at = der.data();
  NamePtr name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  if (name && at != der.data() + der.size()) name.reset();
  return name;
}

// As UTF-8 whatever its string type; the raw octets where it is no string.
std::string ValueOf(const X509_NAME_ENTRY* entry) {
  const ASN1_STRING* data = X509_NAME_ENTRY_get_data(entry);
  unsigned char* utf8 = nullptr;
  int length = ASN1_STRING_to_UTF8(&utf8, data);
  if (length < 0) {
    const unsigned char* raw = ASN1_STRING_get0_data(data);
    return std::string(reinterpret_cast<const char*>(raw), static_cast<size_t>(ASN1_STRING_length(data)));
  }
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<size_t>(length));
  OPENSSL_free(utf8);
  return out;
}

}  // namespace

std::optional<Bytes> DnFromText(std::string_view text) {
  if (text.size() > kMaxIdentity) return std::nullopt;
  char separator = text.starts_with('/') ? '/' : ',';
  if (separator == '/') text.remove_prefix(1);
  NamePtr name(X509_NAME_new());
  for (std::string_view rdn : config::Split(text, separator)) {
    size_t equals = rdn.find('=');
    if (equals == rdn.npos) return std::nullopt;
    auto nid = FindNid(config::Trim(rdn.substr(0, equals)));
    std::string_view value = config::Trim(rdn.substr(equals + 1));
    if (!nid) return std::nullopt;
    auto* octets = reinterpret_cast<const unsigned char*>(value.data());
    int length = static_cast<int>(value.size());
    if (X509_NAME_add_entry_by_NID(name.get(), *nid, StringType(*nid, value), octets, length, -1, 0) != 1) return std::nullopt;
  }
  unsigned char* der = nullptr;
  int length = i2d_X509_NAME(name.get(), &der);
  if (length < 0) return std::nullopt;
  Bytes out(der, der + length);
  OPENSSL_free(der);
  return out;
}

std::optional<std::string> DnToText(ByteView der) {
  NamePtr name = DecodeName(der);
  if (!name) return std::nullopt;
  std::string out;
  int previous_rdn = -1;
  for (int i = 0; i < X509_NAME_entry_count(name.get()); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name.get(), i);
    int rdn = X509_NAME_ENTRY_set(entry);
    if (i > 0) out += rdn == previous_rdn ? "+" : ", ";
    previous_rdn = rdn;
    out += AttributeName(X509_NAME_ENTRY_get_object(entry)) + "=" + ValueOf(entry);
  }
  return out;
}

bool DnMatches(ByteView pattern, ByteView id) {
  NamePtr want = DecodeName(pattern), have = DecodeName(id);
  if (!want || !have) return false;
  int count = X509_NAME_entry_count(want.get());
  if (count != X509_NAME_entry_count(have.get())) return false;
  for (int i = 0; i < count; ++i) {
    const X509_NAME_ENTRY* w = X509_NAME_get_entry(want.get(), i);
    const X509_NAME_ENTRY* h = X509_NAME_get_entry(have.get(), i);
    if (X509_NAME_ENTRY_set(w) != X509_NAME_ENTRY_set(h)) return false;
    if (OBJ_cmp(X509_NAME_ENTRY_get_object(w), X509_NAME_ENTRY_get_object(h)) != 0) return false;
    std::string value = ValueOf(w);
    if (value != "*" && !config::EqualIgnoringCase(value, ValueOf(h))) return false;
  }
  return true;
}

}  // namespace culvert::ike

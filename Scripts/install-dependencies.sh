#!/usr/bin/env bash
# Installs the missing packages for building Troupe with apt; silent where none is missing.
# Checks for Swift, and does not install it.
set -euo pipefail

# Beside the system libraries of Package.swift: a C compiler with its headers (libgomp comes with it), and git,
# with which SwiftPM fetches packages.
packages=(
  build-essential ca-certificates git pkg-config
  libhdf5-dev libdnnl-dev zlib1g-dev libssl-dev libpng-dev libturbojpeg0-dev liblapacke-dev
)
# The libraries of Swift's own programs, as swift.org lists them.
swift_packages=(libcurl4-openssl-dev libedit-dev libncurses-dev libsqlite3-dev libxml2-dev tzdata uuid-dev)
least_swift=6.2

fail() {
  echo "install-dependencies: $*" >&2
  exit 1
}

is_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "not root and no sudo here; run as root: apt-get install ${missing[*]}"
  fi
}

# Installs those of the named packages that are missing.
install_missing() {
  missing=()
  local package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${missing[*]}" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 || fail "apt-get could not update its lists"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${missing[@]}" >&2 \
    || fail "apt-get could not install ${missing[*]}"
}

# Without apt nothing can be installed, but everything may exist already.
check_without_apt() {
  printf '#include <%s>\n' hdf5.h dnnl.h zlib.h openssl/evp.h png.h turbojpeg.h cblas.h lapacke.h \
    | cc $(pkg-config --cflags hdf5-serial 2>/dev/null) -fsyntax-only -x c - 2>/dev/null \
    || fail "no apt here; install by hand a C compiler, pkg-config, git, and the headers of" \
      "HDF5, oneDNN, zlib, OpenSSL, libpng, libjpeg-turbo (with TurboJPEG), CBLAS and LAPACKE"
}

check_swift() {
  command -v swift >/dev/null \
    || fail "no swift in PATH; Troupe needs Swift $least_swift or newer: https://www.swift.org/install/linux"
  local version
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
  [ -n "$version" ] || fail "$(command -v swift) does not run; install it again: https://www.swift.org/install/linux"
  [ "$(printf '%s\n' "$least_swift" "$version" | sort -V | head -n 1)" = "$least_swift" ] \
    || fail "Swift $version found, $least_swift or newer is needed: https://www.swift.org/install/linux"
}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_missing "${packages[@]}"
  if command -v swift >/dev/null && ! swift build --version >/dev/null 2>&1; then
    install_missing "${swift_packages[@]}"
  fi
else
  check_without_apt
fi
check_swift

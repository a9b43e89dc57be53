#!/bin/sh
# Debian's Chromium, for the tests of the explorer's page.
exec "$(dirname "$0")/debian_package.sh" Chromium chromium /usr/bin/chromium

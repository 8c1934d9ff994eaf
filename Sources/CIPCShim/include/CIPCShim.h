// The system calls that Swift on Linux cannot make, as plain functions.
//
// Glibc's Swift module has no accept4, epoll, pidfd, ancillary data or ioctl with a struct, and its macros do not import.
// So each is wrapped here in a function of this project's own plain types: no glibc header is re-exported, and
// _GNU_SOURCE stays in the .c files, where it cannot disagree with the module that Swift already built.
//
// Errors: a function that can fail returns its result (0 or more), or the negated errno. Nothing is retried but EINTR,
// and EINTR only where no time limit is involved. Every descriptor is born close-on-exec.

#ifndef CIPCSHIM_H
#define CIPCSHIM_H

#include "census.h"
#include "children.h"
#include "descriptors.h"
#include "origin.h"
#include "service.h"
#include "sockets.h"
#include "terminals.h"

#endif
